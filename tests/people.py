"""The cast of the tests: a city, two merchants, their people, an owner, and strangers."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts import services
from accounts.models import Merchant, User

PASSWORD = "correct horse battery"
OWNER_PHONE = "13912345678"
STRANGER_PHONE = "13700000001"
TEST = "system:tests"


def staff(merchant: Merchant, role: str) -> User:
    """A person who works for this merchant in this role, logging in as `code-role`."""
    return services.create_staff(
        username=f"{merchant.code}-{role}",
        password=PASSWORD,
        merchant=merchant,
        role=role,
        actor=TEST,
    )


def with_rights(name: str, *rights: str) -> User:
    """A person on the operator's desk who holds these rights (`parking.view_tariff`), no others."""
    user = User.objects.create_user(username=name, password=PASSWORD, is_staff=True)
    for right in rights:
        app, _dot, codename = right.partition(".")
        found = Permission.objects.get(content_type__app_label=app, codename=codename)
        user.user_permissions.add(found)
    return user


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def city(db: None) -> Merchant:
    """The city, which is a merchant too: roadside berths on ground `road`."""
    return services.create_merchant(name="泊位市", code="city", is_city=True, actor=TEST)


@pytest.fixture
def merchant(db: None) -> Merchant:
    """A merchant with berths on ground of their own."""
    return services.create_merchant(name="愚园停车", code="yuyuan", actor=TEST)


@pytest.fixture
def other_merchant(db: None) -> Merchant:
    """Another merchant, who must never see what belongs to the first."""
    return services.create_merchant(name="江苏路停车", code="jiangsu", actor=TEST)


@pytest.fixture
def merchant_user(merchant: Merchant) -> User:
    return staff(merchant, "owner")


@pytest.fixture
def cashier(merchant: Merchant) -> User:
    return staff(merchant, "cashier")


@pytest.fixture
def attendant(merchant: Merchant) -> User:
    return staff(merchant, "attendant")


@pytest.fixture
def other_merchant_user(other_merchant: Merchant) -> User:
    return staff(other_merchant, "owner")


@pytest.fixture
def operator(db: None) -> User:
    """The city's operator: sees the admin."""
    return User.objects.create_superuser(username="operator", password=PASSWORD)


@pytest.fixture
def owner(db: None) -> User:
    """A vehicle owner, known by phone; holds no plate until a test says so."""
    return services.owner_by_phone(OWNER_PHONE)


@pytest.fixture
def stranger(db: None) -> User:
    """Another vehicle owner, who must never see what belongs to the first."""
    return services.owner_by_phone(STRANGER_PHONE)


@pytest.fixture
def merchant_client(merchant_user: User) -> Client:
    return logged_in(merchant_user)


@pytest.fixture
def other_merchant_client(other_merchant_user: User) -> Client:
    return logged_in(other_merchant_user)


@pytest.fixture
def operator_client(operator: User) -> Client:
    return logged_in(operator)


@pytest.fixture
def owner_client(owner: User) -> Client:
    return logged_in(owner)


@pytest.fixture
def stranger_client(stranger: User) -> Client:
    return logged_in(stranger)


@pytest.fixture
def anonymous() -> Client:
    return Client()


def prove(user: User, text: str, colour: str) -> Any:
    """Make this person the proven holder of a plate."""
    return services.prove_holding(
        user=user, plate_text=text, plate_colour=colour, method="licence seen", actor=TEST
    )
