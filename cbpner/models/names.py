"""Names that recipes and models share; imports no heavy library."""

SHIPPED_ENCODER, ADAPTED_ENCODER = "cbp_mini", "cbp_mini_bio"  # the second: fine-tuned as a masked LM on biomedicine
SHIPPED_ENCODERS = (SHIPPED_ENCODER, ADAPTED_ENCODER)  # folders of models/
HEADS = ("linear", "crf", "bilstm-crf")
PRECISIONS = ("auto", "bf16", "fp16", "fp32")
