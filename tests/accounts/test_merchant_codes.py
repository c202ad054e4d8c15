"""A merchant's code is taken once."""

import pytest

from accounts import services
from core.errors import Refused


def test_a_code_that_is_taken_is_refused_with_a_sentence(merchant) -> None:
    with pytest.raises(Refused) as refused:
        services.create_merchant(name="x", code=merchant.code, actor="system:tests")
    assert refused.value.code == "code_taken"
    assert merchant.code in refused.value.message
