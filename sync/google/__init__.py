"""Google as a service: sessions, credentials, quotas, Drive's changes and push channels."""
