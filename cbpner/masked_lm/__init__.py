"""Masked language modelling: text to blocks, masks, fine-tuning, its folder."""
