"""A local Google: Sheets v4, Drive v3, the token endpoint, and a sheet to type in.

For the demo, for rowcast's tests, and for anybody who tests a program against Google Sheets without an account.
It behaves as Google does, not as rowcast would like: nothing of rowcast's may ever be imported here.
"""
