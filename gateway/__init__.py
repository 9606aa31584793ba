"""The school: pupils, contacts, notices, outbox, replies, audit, web pages and command line."""
