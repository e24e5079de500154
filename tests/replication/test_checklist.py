"""What logical replication has to stand, and where each point is tested.

| point                                               | test                                                        |
|-----------------------------------------------------|-------------------------------------------------------------|
| a keepalive that asks is answered at once           | test_stream: a_server_that_asks_is_answered                 |
| status by time, also under back-pressure            | test_stream: also_while_nobody_reads                        |
| wal_sender_timeout 0                                | test_stream: no_limit_of_the_server                         |
| a server that falls silent                          | test_stream: falls_silent_is_noticed                        |
| only what is flushed is confirmed                   | test_runner: what_is_confirmed_is_flushed                   |
| idle tables pin no WAL; the heartbeat               | test_runner: an_idle_log_moves_its_slot_on                  |
| commits that are sent again                         | test_recovery: are_known_by_the_head                        |
| many changes of one commit                          | test_assembler: slices_are_bounded                          |
| a commit beyond memory                              | test_large: passes_in_bounded_memory                        |
| unchanged TOAST values                              | test_runner: unchanged_toast_value                          |
| TRUNCATE                                            | test_runner: truncate_of_an_adopted_table                   |
| the xid in 64 bits                                  | test_runner: knows_in_64_bits                               |
| messages outside transactions, and forged ones      | test_runner: outside_transactions, cannot_be_forged         |
| settings that change what is printed                | test_runner: settings_of_the_server                         |
| uncommon types                                      | test_types: every_type_comes_through                        |
| max_slot_wal_keep_size exceeded                     | test_recovery: an_invalidated_slot_is_replaced              |
| the same while streaming                            | test_recovery: invalidated_while_it_is_read                 |
| slot dropped, moved on, another plugin's            | test_recovery: cannot_be_continued                          |
| slot in use                                         | test_recovery: waits_for_a_slot, only_walsenders_of_holders |
| a slot that waits for old transactions              | test_recovery: waits_for_old_transactions                   |
| restored into another server, or to an earlier time | test_recovery: cannot_be_continued                          |
| publications that come and go                       | test_runner: publications_of_owners                         |
| our publication dropped                             | test_recovery: publication_that_was_dropped                 |
| Postgres killed                                     | test_recovery: after_postgres_was_killed                    |
| Postgres killed amid a large append                 | test_recovery: killed_amid_appends                          |
| Postgres restarted in order                         | test_recovery: restarted_in_order                           |
| the leader killed                                   | test_recovery: killed_again_and_again                       |
| both killed                                         | test_recovery: leader_and_postgres_killed                   |
| a standby that was promoted                         | test_recovery: a_standby_that_was_promoted                  |
| the network cut, and frozen                         | test_network: a_cut_network, a_frozen_network               |
| an append that is carried out late                  | test_network: carried_out_after_its_session_ended           |
| TLS, and a certificate of somebody else's           | test_tls: every_session_is_encrypted, not_who_it_says       |
| a log that a query can't see yet                    | test_handoff: have_no_gap_and_no_repeat                     |
"""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
POINTS = [
    (file.strip(), word.strip())
    for row in (__doc__ or "").splitlines()
    if row.startswith("| ") and "test_" in row
    for file, words in re.findall(r"(test_\w+): ([^;|]+)", row.split("|")[2])
    for word in words.split(",")
]


@pytest.mark.parametrize(("file", "words"), POINTS)
def test_every_point_has_its_test(file: str, words: str) -> None:
    found = re.findall(r"^(?:async )?def (test_\w+)", (FOLDER / f"{file}.py").read_text(), re.MULTILINE)
    assert [name for name in found if words in name]
