"""One array against what it must be: `gradcheck.explained` and `gradcheck.assert_explained`. Calls nothing, poses nothing."""

from gradcheck.asserted.verbs import Unexplained as Unexplained
from gradcheck.asserted.verbs import assert_explained as assert_explained
from gradcheck.asserted.verbs import explained as explained
