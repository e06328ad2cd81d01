"""partBERT_CRF's models: a BERT of which a part learns, and a CRF over its scores.

Loaded with `BertCrfForTokenClassification.from_pretrained(folder)`; after importing this module the Auto classes of
transformers know the type too.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import AutoConfig, AutoModelForTokenClassification, BertConfig, BertModel, initialization
from transformers.masking_utils import create_bidirectional_mask
from transformers.modeling_outputs import TokenClassifierOutput
from transformers.models.bert.modeling_bert import BertPreTrainedModel

from cbpner.models.crf import Crf
from cbpner.models.loss import IGNORED, shift_scores
from cbpner.text.labels import LabelSet

FEATURE_LAYERS = 4  # the BiLSTM reads so many of the last layers, concatenated; all of them where there are fewer
WORD_DROPOUT, LOCKED_DROPOUT = 0.05, 0.5  # flair 0.4.3's defaults, in flair/models/sequence_tagger_model.py


class BertCrfConfig(BertConfig):
    """BERT's configuration, the head, `frozen_layers` (embeddings and so many first layers; -1: nothing), and whether
    the head `bilstm-crf` is the original's, flair's of docs/methods.md."""

    model_type = "bert_crf"
    head: str = "crf"
    frozen_layers: int = -1
    lstm_size: int = 128
    original_head: bool = False


class BertCrfForTokenClassification(BertPreTrainedModel):
    """A BERT, a linear layer or BiLSTM over it, and a CRF under the BIO grammar of the configuration's labels.

    The frozen part runs without dropout and gradient; its output, `compute_features`, can replace the ids in `forward`.
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
        if config.original_head:
            self.projection = nn.Linear(count_features(config), count_features(config))
        share = config.classifier_dropout
        self.dropout = nn.Dropout(config.hidden_dropout_prob if share is None else share)
        self.classifier = nn.Linear(width, config.num_labels)
        self.crf = Crf(list_moves(config))
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, Crf):
            for parameter in module.parameters():
                initialization.zeros_(parameter)
            initialization.copy_(module.allowed, torch.tensor(list_moves(self.config)))

    def reset_head(self):
        """Draw the original head's weights as flair did: torch's defaults, and the CRF's from N(0, 1)."""
        for layer in (self.projection, self.lstm, self.classifier):
            layer.reset_parameters()
        for parameter in self.crf.parameters():
            nn.init.normal_(parameter)

    @property
    def has_features(self):
        """Whether everything below the first trainable layer is frozen."""
        return self.config.frozen_layers >= (self.config.num_hidden_layers if self._has_lstm else 0)

    @property
    def _has_lstm(self):
        return self.config.head == "bilstm-crf"

    @property
    def _lower_layers(self):
        """How many of the encoder's layers `compute_features` runs."""
        return self.config.num_hidden_layers if self._has_lstm else max(self.config.frozen_layers, 0)

    def compute_features(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ):
        """The first trainable layer's input, in the number format in which it multiplies.

        (batch, tokens, width), or (batch, tokens, 4 x width) for the BiLSTM.
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
            lengths = attention_mask.sum(dim=1).cpu()
            with torch.autocast(features.device.type, enabled=False):
                run = self._run_flair if self.config.original_head else self._run_lstm
                hidden = run(features.float(), lengths)
        else:
            hidden = features.float()
            mask = self._make_mask(hidden, attention_mask)
            for layer in self.bert.encoder.layer[self._lower_layers :]:
                hidden = layer(hidden, mask)
        return self.classifier(self.dropout(hidden))

    def _run_lstm(self, features, lengths):
        packed = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=features.shape[1])[0]

    def _run_flair(self, features, lengths):
        """As flair 0.4.3 did, without [CLS] and [SEP], whose output is zero.

        Word dropout hides the same positions in all sentences of a batch. Locked dropout (Gal and Ghahramani, NeurIPS
        2016) zeroes the same numbers at all characters of a sentence, but behind the LSTM, where flair took one axis
        for the other, in all sentences at a position.
        """
        features = features[:, 1:]
        if self.training:
            kept = torch.rand(features.shape[1], 1, device=features.device) >= WORD_DROPOUT
            features = features * kept * F.dropout(torch.ones_like(features[:, :1]), LOCKED_DROPOUT)
        hidden = self._run_lstm(self.projection(features), (lengths - 2).clamp(min=1))
        if self.training:
            hidden = hidden * F.dropout(torch.ones_like(hidden[:1]), LOCKED_DROPOUT)
        return F.pad(hidden, (0, 0, 1, 0))

    def forward(
        self, input_ids: torch.Tensor | None = None, attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None, labels: torch.Tensor | None = None,
        features: torch.Tensor | None = None, hidden: torch.Tensor | None = None, num_items_in_batch: Any = None,
        **biases,
    ):  # fmt: skip
        """Scores before the CRF; with `labels` (IGNORED at special tokens and padding) the loss too.

        features: instead of input_ids. hidden: (batch, tokens) bool, characters whose features are set to zero.
        num_items_in_batch: divides the negative log-likelihood; by default the number of real characters. biases: see
        `cbpner.models.loss.shift_scores`.
        """
        if features is None:
            assert input_ids is not None, "expected input_ids, or attention_mask and features"
            attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
            features = self.compute_features(input_ids, attention_mask, token_type_ids)
        assert attention_mask is not None, "expected the attention_mask of the features"
        if hidden is not None:
            features = features.masked_fill(hidden[:, :, None], 0.0)
        logits = self.score_features(features, attention_mask)
        if labels is None:
            return TokenClassifierOutput(logits=logits)
        tags = labels[:, 1:]  # without [CLS]
        mask = tags.ne(IGNORED)
        loss = (self.crf(shift_scores(logits[:, 1:].float(), **biases), tags, mask) * mask[:, 0]).sum()
        loss = loss / (mask.sum() if num_items_in_batch is None else num_items_in_batch)
        return TokenClassifierOutput(loss=loss, logits=logits)

    def _make_mask(self, hidden, attention_mask):
        return create_bidirectional_mask(self.config, inputs_embeds=hidden, attention_mask=attention_mask)


def copy_settings(config: Any):
    """A BERT's configuration as arguments of one of our own types."""
    return {key: value for key, value in config.to_dict().items() if key not in ("model_type", "architectures")}


def list_moves(config: Any):
    """The moves that a model's CRF allows, as of `LabelSet.transitions`: the grammar's, in flair all."""
    moves = LabelSet.from_numbers(config.id2label).transitions()
    return [[True] * len(row) for row in moves] if config.original_head else moves


def count_features(config: Any):
    """Width of `compute_features`' output."""
    return config.hidden_size * (min(FEATURE_LAYERS, config.num_hidden_layers) if config.head == "bilstm-crf" else 1)


AutoConfig.register(BertCrfConfig.model_type, BertCrfConfig)
AutoModelForTokenClassification.register(BertCrfConfig, BertCrfForTokenClassification)
