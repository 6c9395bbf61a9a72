"""What `make shell` begins with: `db`, `files`, `settings` and the tables."""

from sqlalchemy import select  # noqa: F401 - for the person at the prompt

from shared.accounts.models import LoginSession, User  # noqa: F401
from shared.database import database
from shared.ledger import Work  # noqa: F401
from shared.photos.models import Photo  # noqa: F401
from shared.settings import settings
from shared.storage import storage

db = database()
files = storage()
print(f"db ({settings().database_url}), files ({settings().storage_url}), select, User, LoginSession, Photo, Work")  # noqa: T201
