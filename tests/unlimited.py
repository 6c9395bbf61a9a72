"""Rates that no test comes near, but for those that it sets itself."""

from typing import Final

from shared.settings import Settings

UNLIMITED: Final = {
    name.upper(): "100000/minute"
    for name in Settings.model_fields
    if name.startswith("rate_limit_") and name != "rate_limit_contacts"
}
