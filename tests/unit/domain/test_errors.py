from altus4_desktop.domain.errors import (
    AltusError,
    QuerySyntaxError,
    TenantError,
    TenantFailure,
)


def test_sentence_and_hint_are_filled_in_from_the_details() -> None:
    error = AltusError("No host “{host}”.", hint="Check {host}.", details={"host": "db1"})
    assert str(error) == "No host “db1”."
    assert error.hint == "Check db1."
    assert error.template == "No host “{host}”."


def test_braces_without_details_are_left_alone() -> None:
    assert AltusError("A {strange} sentence").message == "A {strange} sentence"


def test_details_with_braces_are_not_read_as_templates() -> None:
    error = AltusError("No table “{table}”.", details={"table": "{0.__class__}"})
    assert error.message == "No table “{0.__class__}”."


def test_a_tenant_error_carries_its_kind_as_a_code() -> None:
    error = TenantError(TenantFailure.CREDENTIALS, "No.", server_code=1045)
    assert (error.code, error.server_code, error.retryable) == ("tenant.credentials", 1045, False)


def test_a_syntax_error_knows_its_place() -> None:
    error = QuerySyntaxError("A quote is open.", position=4, length=2)
    assert (error.field, error.position, error.length) == ("query", 4, 2)
