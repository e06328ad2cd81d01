"""partBERT_CRF's models: a BERT of which a part learns, and a CRF over its scores.

Loaded with `BertCrfForTokenClassification.from_pretrained(folder)`; after importing this module the Auto classes of
transformers know the type too.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import AutoConfig, AutoModelForTokenClassification, BertConfig, BertModel, initialization
from transformers.masking_utils import create_bidirectional_mask
from transformers.modeling_outputs import TokenClassifierOutput
from transformers.models.bert.modeling_bert import BertPreTrainedModel

from cbpner.models.crf import Crf
from cbpner.models.loss import IGNORED, shift_scores
from cbpner.text.labels import LabelSet

FEATURE_LAYERS = 4  # how many of the last layers (or all, where there are fewer) stand side by side under the BiLSTM


class BertCrfConfig(BertConfig):
    """BERT's configuration, and what `cbpner.training.recipes.Recipe` says about head, lstm_size and what is frozen.

    frozen_layers: the embeddings and so many of the first layers do not learn; -1: all learn.
    """

    model_type = "bert_crf"
    head: str = "crf"
    frozen_layers: int = -1
    lstm_size: int = 128


class BertCrfForTokenClassification(BertPreTrainedModel):
    """Scores per character from a BERT, and a CRF under the BIO grammar of the configuration's labels.

    The part that does not learn runs without dropout and without gradient; its output, `compute_features`, can be kept
    and given to `forward` in the place of the ids.
    """

    config_class = BertCrfConfig

    def __init__(self, config: Any):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.bert = BertModel(config, add_pooling_layer=False)
        width = config.hidden_size
        if self._has_lstm:
            self.lstm = nn.LSTM(count_features(config), config.lstm_size, bidirectional=True, batch_first=True)
            width = 2 * config.lstm_size
        share = config.classifier_dropout
        self.dropout = nn.Dropout(config.hidden_dropout_prob if share is None else share)
        self.classifier = nn.Linear(width, config.num_labels)
        self.crf = Crf(read_labels(config).transitions())
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, Crf):
            for parameter in module.parameters():
                initialization.zeros_(parameter)
            initialization.copy_(module.allowed, torch.tensor(read_labels(self.config).transitions()))

    @property
    def has_features(self):
        """Whether all below the first layer that learns is frozen, so that its output is the same in every epoch."""
        return self.config.frozen_layers >= (self.config.num_hidden_layers if self._has_lstm else 0)

    @property
    def _has_lstm(self):
        return self.config.head == "bilstm-crf"

    @property
    def _lower_layers(self):
        """How many of the encoder's layers `compute_features` runs."""
        return self.config.num_hidden_layers if self._has_lstm else max(self.config.frozen_layers, 0)

    def frozen_modules(self):
        """The embeddings and the first layers that do not learn, in one list."""
        depth = self.config.frozen_layers
        return nn.ModuleList([self.bert.embeddings, *self.bert.encoder.layer[:depth]] if depth >= 0 else [])

    def train(self, mode: bool = True):
        super().train(mode)
        self.frozen_modules().eval()
        return self

    def compute_features(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ):
        """What the first trainable layer reads: (batch, tokens, width), or (batch, tokens, 4 x width) for the BiLSTM.

        In the number format in which that layer multiplies, so that what is kept equals what is computed anew.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.has_features):
            hidden = self.bert.embeddings(input_ids=input_ids, token_type_ids=token_type_ids)
            mask, states = self._make_mask(hidden, attention_mask), []
            for layer in self.bert.encoder.layer[: self._lower_layers]:
                hidden = layer(hidden, mask)
                states = [*states, hidden][-FEATURE_LAYERS:]
            features = torch.cat(states, dim=-1) if self._has_lstm else hidden
        device = features.device.type
        return features.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else features

    def score_features(self, features: torch.Tensor, attention_mask: torch.Tensor):
        """(batch, tokens, labels) from what `compute_features` gives."""
        if self._has_lstm:
            hidden = run_lstm(self.lstm, features, attention_mask.sum(dim=1))
        else:
            hidden = features.float()
            mask = self._make_mask(hidden, attention_mask)
            for layer in self.bert.encoder.layer[self._lower_layers :]:
                hidden = layer(hidden, mask)
        return self.classifier(self.dropout(hidden))

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        features: torch.Tensor | None = None,
        hidden: torch.Tensor | None = None,
        **kwargs,
    ):
        """Scores before the CRF; with `labels` (IGNORED at special tokens and padding) the loss too.

        input_ids, attention_mask, labels: (batch, tokens). features: instead of input_ids. hidden: (batch, tokens)
        bool, characters whose features are set to zero, as flair's word dropout does. The loss is the negative
        log-likelihood of the batch over `num_items_in_batch`, by default its number of real characters; other
        keywords are the biases of `cbpner.models.loss.shift_scores`.
        """
        if attention_mask is None or features is None:
            assert input_ids is not None, "expected input_ids, or attention_mask and features"
            attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
            features = (
                self.compute_features(input_ids, attention_mask, token_type_ids) if features is None else features
            )
        if hidden is not None:
            features = features.masked_fill(hidden[:, :, None], 0.0)
        logits = self.score_features(features, attention_mask)
        loss = None if labels is None else self.sum_loss(logits, labels, **kwargs)
        return TokenClassifierOutput(loss=loss, logits=logits)

    def sum_loss(self, logits: torch.Tensor, labels: torch.Tensor, num_items_in_batch: Any = None, **biases):
        """A scalar; [CLS] stands before each sequence, so that the characters begin at the second position."""
        emissions, tags = shift_scores(logits[:, 1:].float(), **biases), labels[:, 1:]
        mask = tags.ne(IGNORED)
        loss = self.crf(emissions, tags, mask).sum()
        return loss / (mask.sum() if num_items_in_batch is None else num_items_in_batch)

    def _make_mask(self, hidden, attention_mask):
        return create_bidirectional_mask(self.config, inputs_embeds=hidden, attention_mask=attention_mask)


def run_lstm(lstm: nn.LSTM, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(batch, time, 2 x units) of (batch, time, width) inputs, in float32; padding never matters."""
    with torch.autocast(inputs.device.type, enabled=False):
        packed = pack_padded_sequence(inputs.float(), lengths.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=inputs.shape[1])[0]


def copy_settings(config: Any):
    """A BERT's configuration as the arguments of one of our own, which has its own type and class."""
    return {key: value for key, value in config.to_dict().items() if key not in ("model_type", "architectures")}


def count_features(config: Any):
    """Width of `compute_features`' output."""
    return config.hidden_size * (min(FEATURE_LAYERS, config.num_hidden_layers) if config.head == "bilstm-crf" else 1)


def read_labels(config: Any):
    """The label set that a model's configuration holds."""
    labels = LabelSet(tuple(tag[2:] for tag in config.id2label.values() if tag.startswith("B-")))
    if dict(config.id2label) != labels.id_to_tag:
        raise ValueError(f"expected the tags {labels.id_to_tag}, got {config.id2label}")
    return labels


AutoConfig.register(BertCrfConfig.model_type, BertCrfConfig)
AutoModelForTokenClassification.register(BertCrfConfig, BertCrfForTokenClassification)
