"""Passwords are kept as Argon2id hashes that tell nothing but whether a guess is right."""

import threading

import pytest

from mallee.kit import passwordhash


def test_hash_is_argon2id_and_new_each_time() -> None:
    first, second = passwordhash.hashed("open sesame"), passwordhash.hashed("open sesame")
    assert first.startswith(b"$argon2id$v=19$m=32768,t=3,p=1$")
    assert first != second
    assert b"sesame" not in first
    assert passwordhash.verify(first, "open sesame")
    assert not passwordhash.verify(first, "open Sesame")


def test_nobodys_hash_is_no_passwords() -> None:
    assert not passwordhash.verify(passwordhash.nobodys(), "")
    assert passwordhash.nobodys() == passwordhash.nobodys()


def test_who_finds_all_places_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwordhash, "_places", threading.BoundedSemaphore(1))
    monkeypatch.setattr(passwordhash, "WAIT_S_MAX", 0.01)
    passwordhash._places.acquire()
    with pytest.raises(passwordhash.Busy):
        passwordhash.hashed("x")
