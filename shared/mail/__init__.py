"""Mails: a row first, so that none is lost; a worker renders it and hands it over."""
