"""The limits of messages."""

from typing import Final

MESSAGE_LENGTH: Final = 2000
CLIENT_ID_LENGTH: Final = 64
