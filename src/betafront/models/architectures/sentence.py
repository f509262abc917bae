"""The sentence VAE: an LSTM that reads a sentence, and one that writes it word by word."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models.architectures.latents import number
from betafront.models.model import Observed, Shape
from betafront.models.vae import VAE
from betafront.objective import Likelihood
from betafront.objective.likelihoods.words import END, PADDING, UNKNOWN

State = tuple[Tensor, Tensor]
"""(layers, B, H) each: the hidden state and the cell of an LSTM."""

LOGITS = 2**25
"""Numbers of the logits of a batch that are made at once: 128 MB."""


def sentence(
    shape: Shape,
    likelihood: Likelihood,
    latents: int = 16,
    embedding: int = 64,
    hidden: int = 128,
    layers: int = 1,
    word_dropout: float = 0.0,
    dropout: float = 0.0,
) -> "Sentence":
    """A VAE of sentences: q(z|x) is a Gaussian of the last state of an LSTM over the words, and
    p(x|z) that of an LSTM that is given each word before the next, with z in its first state and in
    every input.

    Args:
        shape: (L,), the greatest length of a sentence with its `<eos>`.
        likelihood: of symbols, as `betafront.objective.Words`.
        latents: M.
        embedding: numbers per word; the encoder and the decoder have vectors of their own.
        hidden: units of each LSTM.
        layers: of each LSTM.
        word_dropout: the part of the words before that the decoder is given as `<unk>` in training.
            With 1 it is given none, in evaluation neither: all it knows of a sentence is z and the
            position (the inputless decoder).
        dropout: of embeddings and of the decoder's states, in training.

    Raises:
        UserError: the data is no sentences, or a setting is out of range.

    Source: Bowman et al. 2015, Generating Sentences from a Continuous Space; z in every input as He
    et al. 2019 have it.
    """
    if likelihood.symbols is None or len(shape) != 1:
        raise UserError(
            "model=sentence is for sentences, sequences of symbols as data=text has them, and an "
            f"example of this data is {'x'.join(map(str, shape))} numbers: use data=text, or "
            "model=mlp"
        )
    latents = number(latents, "sentence")
    for key, size in (("embedding", embedding), ("hidden", hidden), ("layers", layers)):
        if type(size) is not int or size < 1:
            raise UserError(f"model.{key} must be a whole number of at least 1, not {size}")
    if not 0 <= word_dropout <= 1:
        raise UserError(
            f"model.word_dropout is a part of the words, from 0 to 1, not {word_dropout}"
        )
    if not 0 <= dropout < 1:
        raise UserError(f"model.dropout is a part, from 0 to below 1, not {dropout}")
    sizes = likelihood.symbols, embedding, hidden, layers
    encoder = Reader(*sizes, latents, dropout)
    decoder = Writer(*sizes, latents, word_dropout, dropout)
    return Sentence(encoder, decoder, likelihood, latents, shape[0])


class Reader(nn.Module):
    """From sentences to the means and log variances of q(z|x).

    Args:
        symbols: V.
        embedding, hidden, layers, latents, dropout: as in `sentence`.
    """

    def __init__(
        self, symbols: int, embedding: int, hidden: int, layers: int, latents: int, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, embedding, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(embedding, hidden, layers, batch_first=True)
        self.output = nn.Linear(hidden, 2 * latents)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2M) of (B, l) sentences, from the state after the last symbol of each."""
        x = trimmed(x)
        states = run(self.lstm, self.dropout(self.embedding(x)))
        last = ((x != PADDING).sum(1) - 1).clamp(min=0)
        found: Tensor = self.output(states[torch.arange(len(x), device=x.device), last])
        return found


class Writer(nn.Module):
    """From a code, and the words before, to the logits of each next word.

    Args:
        symbols: V.
        embedding, hidden, layers, latents, word_dropout, dropout: as in `sentence`.
    """

    def __init__(
        self,
        symbols: int,
        embedding: int,
        hidden: int,
        layers: int,
        latents: int,
        word_dropout: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.layers = layers
        self.word_dropout = word_dropout
        self.embedding = nn.Embedding(symbols, embedding, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)
        self.first = nn.Linear(latents, 2 * layers * hidden)
        self.lstm = nn.LSTM(embedding + latents, hidden, layers, batch_first=True)
        self.output = nn.Linear(hidden, symbols)

    def start(self, z: Tensor) -> State:
        """The state before the first word, of (B, M) codes."""
        hidden, cell = self.first(z).unflatten(1, (2, self.layers, -1)).permute(1, 2, 0, 3)
        return hidden.tanh().contiguous(), cell.contiguous()

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        """(B, l, H) the state before each symbol of (B, l) sentences (teacher forcing)."""
        before = x.roll(1, 1).index_fill(1, torch.zeros(1, dtype=torch.long, device=x.device), END)
        states = run(self.lstm, self._inputs(self.seen(before), z), self.start(z))
        kept: Tensor = self.dropout(states)
        return kept

    def step(self, last: Tensor, z: Tensor, state: State) -> tuple[Tensor, State]:
        """(B, V) logits of the word after (B,) ones, and the state after those; of the first word
        the one before is `<eos>`."""
        states, state = self.lstm(self._inputs(last.unsqueeze(1), z), state)
        return self.output(states.squeeze(1)), state

    def seen(self, before: Tensor) -> Tensor:
        """(B, l) the words before each one as the decoder is given them: some are `<unk>`. The
        first is the start, which it is always given."""
        if self.word_dropout == 1:
            dropped = torch.ones_like(before, dtype=torch.bool)
        elif self.training and self.word_dropout > 0:
            # From the global generator, as `nn.Dropout`: a run seeds it, and keeps its state.
            dropped = torch.rand(before.shape, device=before.device) < self.word_dropout
        else:
            return before
        dropped[:, 0] = False
        return before.masked_fill(dropped, UNKNOWN)

    def _inputs(self, words: Tensor, z: Tensor) -> Tensor:
        embedded = self.dropout(self.embedding(words))
        codes = z.unsqueeze(1).expand(-1, words.shape[1], -1)
        return torch.cat([embedded, codes.to(embedded.dtype)], 2)


class Sentence(VAE):
    """A VAE whose decoder writes a sentence word by word, and is given each word before the next.

    Args:
        encoder, decoder: its LSTMs.
        likelihood: of symbols.
        latents: M.
        length: L, of the longest sentences that it writes, with their `<eos>`.
    """

    encoder: Reader
    decoder: Writer

    def __init__(
        self, encoder: Reader, decoder: Writer, likelihood: Likelihood, latents: int, length: int
    ) -> None:
        super().__init__(encoder, decoder, likelihood, latents)
        self.length = length

    def observe(self, z: Tensor, x: Tensor, *, mean: bool = False) -> Observed:
        """`log_px` of (B, l) sentences, each word given those before it; symbols have no mean."""
        x = trimmed(x)
        states, real = self.decoder(z, x), x != PADDING
        at_once = max(1, LOGITS // self.decoder.output.out_features)
        each = torch.cat(
            [
                self.likelihood.log_prob(self.decoder.output(part).unsqueeze(1), words.unsqueeze(1))
                for part, words in zip(
                    states[real].split(at_once), x[real].split(at_once), strict=True
                )
            ]
        )
        return Observed(each.new_zeros(x.shape).masked_scatter(real, each).sum(1))

    def decode(self, z: Tensor) -> Tensor:
        """(n, L) symbols: at each position the likeliest word after those before it (greedy)."""
        return self._written(z, lambda logits: self.likelihood.mean(logits.unsqueeze(1))[:, 0])

    def sample(self, z: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """(n, L) symbols drawn from p(x|z) of (n, M) codes, word by word; a sentence that has not
        ended after L - 1 words is ended there.

        Args:
            z: the codes.
            noise: where the draws come from, on any device; None is the global generator.
        """
        device = z.device if noise is None else noise.device

        def drawn(logits: Tensor) -> Tensor:
            # The first of V exponential waiting times, whose rates are the masses.
            waits = torch.empty(logits.shape, device=device).exponential_(generator=noise)
            masses = logits.softmax(1)
            masses[:, PADDING] = 0.0
            return (masses / waits.to(masses)).argmax(1)

        return self._written(z, drawn)

    @torch.no_grad()
    def _written(self, z: Tensor, choose: Callable[[Tensor], Tensor]) -> Tensor:
        """(n, L) sentences whose words `choose` picks from the (n, V) logits of each position."""
        state, last = self.decoder.start(z), z.new_full((len(z),), END, dtype=torch.long)
        ended, written, given = torch.zeros_like(last, dtype=torch.bool), list[Tensor](), last
        for position in range(self.length):
            logits, state = self.decoder.step(given, z, state)
            chosen = choose(logits) if position < self.length - 1 else torch.full_like(last, END)
            last = chosen.masked_fill(ended, PADDING)
            written.append(last)
            ended = ended | (last == END)
            given = torch.full_like(last, UNKNOWN) if self.decoder.word_dropout == 1 else last
        return torch.stack(written, 1)


def trimmed(x: Tensor) -> Tensor:
    """(B, l) sentences without the padding behind the longest of them."""
    longest = int((x != PADDING).sum(1).max())
    return x[:, : max(1, longest)]


def run(lstm: nn.LSTM, inputs: Tensor, state: State | None = None) -> Tensor:
    """(B, l, H) the states of an LSTM over (B, l, …) inputs."""
    # cuDNN has no gradients in evaluation mode, by which β is read from a trained model.
    if inputs.is_cuda and torch.is_grad_enabled() and not lstm.training:
        with torch.backends.cudnn.flags(enabled=False):
            states, _ = lstm(inputs, state)
    else:
        states, _ = lstm(inputs, state)
    found: Tensor = states
    return found
