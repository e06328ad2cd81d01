"""Prediction: from documents to spans. `tagger.Tagger` for Python, `job` for many files, nothing heavy until needed."""
