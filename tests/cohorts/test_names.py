"""Classes come in the order that people expect: what says “nothing” first, numbers by their size."""

from __future__ import annotations

import pytest

from medportal.cohorts.names import in_order


@pytest.mark.parametrize(
    "names",
    [
        ["normal", "benign", "malignant"],
        ["Normal", "COVID", "Viral Pneumonia"],
        ["non-COVID", "COVID"],
        ["CN", "AD", "MCI"],
        ["Uninfected", "Parasitized"],
        ["notumor", "glioma", "meningioma", "pituitary"],
        ["no_tumor", "glioma_tumor"],
        ["NonDemented", "MildDemented", "ModerateDemented"],
        ["No Finding", "Mass"],
        ["No_DR", "Mild"],
        ["benign", "adenocarcinoma"],
        ["0", "1", "2", "10"],
        ["0.0", "1.0", "10.0"],
        ["Level 1", "Level 2", "Level 10"],
        ["not viral", "bacterial", "viral"],
        # These deny nothing.
        ["cyst", "nodule", "stone"],
        ["large-cell", "non-small-cell"],
        ["adenoma", "Node", "nose", "unknown"],
    ],
)
def test_what_says_nothing_is_first(names: list[str]) -> None:
    assert in_order(reversed(names)) == names
