"""Annotation formats: each is read into, and written from, the documents and spans of `document.py`."""
