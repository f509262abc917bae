from .evaluation import ALWAYS as ALWAYS
from .evaluation import Evaluation as Evaluation
from .evaluation import by_split as by_split
from .evaluation import evaluate as evaluate
from .score import Score as Score
