"""Live delivery: subscriptions that are alike are executed, encoded and compressed once, and written as one.

A subscription begins on its own, by `schema.changes.follow`, which knows snapshots, cursors and the log. Once it has
caught up it joins those that get the same messages. One that reads too slowly leaves them and begins anew from its
place in the log. So what is exact about a subscription is said in one place, and this only makes it cheap.
"""
