"""Scores per character to tags and spans, with numpy alone: the one path that evaluation and prediction share."""
