"""`keras-probabilities`: keras.ops.categorical_crossentropy(from_logits=False) of keras.ops.softmax, as after a softmax layer.

Keras clips the probabilities to [1e-7, 1 - 1e-7], in any precision. Where one is clipped the loss is off, and its gradient is zero.
"""

from gradcheck.implementations.keras import target

CLIPPED = "probabilities are clipped to [1e-7, 1 - 1e-7], and what is clipped has no gradient (keras-team/keras#17634)"

implementation = target(
    "keras-probabilities",
    from_logits=False,
    expected_failures=dict.fromkeys(
        (
            "loss",
            "logits_gradient",
            "theta_gradient",
            "bias_gradient",
            "data_gradient",
            "class_permutation",
            "sample_permutation",
            "duplicated_batch",
            "bias_is_a_weight",
            "one_sample",
            "two_classes_are_logistic",
            "loss_of_a_duplicated_batch",
            "central_difference_theta",
            "central_difference_b",
            "central_difference_Z",
            "central_difference_X",
            "forward_difference",
            "gradient_of_its_own_loss",
            "loss_is_convex",
        ),
        CLIPPED,
    ),
)
