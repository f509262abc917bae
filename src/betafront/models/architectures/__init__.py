"""What the choices of `conf/model` make: a function per kind of encoder and decoder."""

from betafront.models.architectures.conv import conv
from betafront.models.architectures.conv1d import conv1d
from betafront.models.architectures.linear import linear
from betafront.models.architectures.mlp import mlp
from betafront.models.architectures.pair import pair
from betafront.models.architectures.resnet import resnet
from betafront.models.architectures.sentence import sentence

__all__ = ["conv", "conv1d", "linear", "mlp", "pair", "resnet", "sentence"]
