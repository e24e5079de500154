from alembic.config import Config
from alembic.script import ScriptDirectory

from db.revision import MIGRATIONS, newest


def test_the_files_names_are_the_chain_of_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    chain = list(ScriptDirectory.from_config(config).walk_revisions())
    assert chain[0].revision == newest()
    assert [one.revision for one in reversed(chain)] == [f"{number:04}" for number in range(1, len(chain) + 1)]
