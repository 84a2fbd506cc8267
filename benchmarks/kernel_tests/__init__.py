"""Which wrong gradients of a cross-entropy pass the tests of kernels, and `gradcheck.assert_explained` beside them."""
