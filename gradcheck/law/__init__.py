"""What is computed: cross-entropy with its options, as one value and as one text."""

from gradcheck.law.options import CrossEntropy as CrossEntropy
