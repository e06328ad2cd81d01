"""Models: encoders from anywhere, heads, decoding."""
