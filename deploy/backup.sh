#!/bin/sh
# Copy the database, and after it the storage, into a new folder: deploy/backup.sh /backups/2026-11-25
# The order matters: a file without a row is swept away later, but a row without its file is a broken picture. It needs
# pg_dump and psql of the server's version or newer, and does not come between anybody and the system.
set -eu
target=${1:?say where: deploy/backup.sh FOLDER}
url=$(printf %s "${DIRECT_DATABASE_URL:-$DATABASE_URL}" | sed 's/^postgres[a-z+]*:/postgresql:/')

umask 077
mkdir "$target"
pg_dump --format=directory --jobs="${JOBS:-4}" --no-owner --file="$target/database" "$url"
case $STORAGE_URL in
file://*)
    cp -R "${STORAGE_URL#file://}" "$target/media"
    rm -rf "$target/media/exports" # archives of people, which live for a day only
    ;;
*) echo "The storage is not a folder: copy it now, as docs/operations/backup.md says" ;;
esac
echo "$target holds the database and the storage"
