"""What exports hold about a person: all of it once more, for a day."""

from sqlalchemy import select

from shared.holdings import Deleted, Exported, Files, Holdings
from shared.jobs import MAKE_EXPORT
from shared.privacy.exports import folder
from shared.privacy.models import Export

HOLDINGS = Holdings(
    "privacy",
    columns=(Deleted(Export.user_id, cancels=(MAKE_EXPORT,)),),
    files=(Files(lambda user_id: select(Export.id).where(Export.user_id == user_id), folder),),
    exports=(
        Exported(
            "exports",
            "When you have asked for exports like this one.",
            lambda user_id: select(Export.status, Export.created_at, Export.expires_at, Export.size_bytes).where(
                Export.user_id == user_id
            ),
            (Export.created_at, Export.id),
        ),
    ),
)
