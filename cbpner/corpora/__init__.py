"""From patents as users have them to a clean corpus for masked-LM fine-tuning."""
