"""What is computed: cross-entropy with its options, as one value and as one text; or a loss of one's own."""

from gradcheck.law.options import CrossEntropy as CrossEntropy
from gradcheck.law.own import Loss as Loss
