"""The metadata database of an existing Altus 4 server, made as its own migrations leave it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.servers import DatabaseServer

# No engine and no character set are named: the server's own count.
_TABLES = (
    """CREATE TABLE users (
        id CHAR(36) PRIMARY KEY, name VARCHAR(255) NOT NULL, email VARCHAR(255) NOT NULL UNIQUE,
        password VARCHAR(255) NULL, password_hash VARCHAR(255) NULL,
        role VARCHAR(50) DEFAULT 'user', is_active TINYINT(1) DEFAULT 1,
        created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
        last_active TIMESTAMP NULL,
        KEY idx_email_active (email, is_active), KEY idx_last_active (last_active))""",
    """CREATE TABLE searches (
        id INT AUTO_INCREMENT PRIMARY KEY, user_id CHAR(36) NULL, query TEXT NOT NULL, result TEXT,
        created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
        FOREIGN KEY (user_id) REFERENCES users (id))""",
    """CREATE TABLE api_keys (
        id CHAR(36) PRIMARY KEY, user_id CHAR(36) NOT NULL, key_prefix VARCHAR(50) NOT NULL,
        key_hash VARCHAR(64) NOT NULL, name VARCHAR(255) NOT NULL,
        environment ENUM('test', 'live') NOT NULL DEFAULT 'test',
        permissions JSON DEFAULT ('["search"]'),
        rate_limit_tier ENUM('free', 'pro', 'enterprise') DEFAULT 'free',
        rate_limit_custom JSON NULL, expires_at TIMESTAMP NULL, last_used TIMESTAMP NULL,
        last_used_ip VARCHAR(45) NULL, usage_count INT DEFAULT 0, is_active TINYINT(1) DEFAULT 1,
        created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
        KEY idx_key_prefix (key_prefix), KEY idx_user_id (user_id),
        KEY idx_environment (environment), KEY idx_active_keys (is_active, expires_at),
        KEY idx_last_used (last_used),
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)""",
    """CREATE TABLE database_connections (
        id CHAR(36) PRIMARY KEY, user_id CHAR(36) NOT NULL, name VARCHAR(255) NOT NULL,
        host VARCHAR(255) NOT NULL, port INT NOT NULL DEFAULT 3306,
        database_name VARCHAR(255) NOT NULL, username VARCHAR(255) NOT NULL, password TEXT NOT NULL,
        ssl_enabled TINYINT(1) DEFAULT 0, is_active TINYINT(1) DEFAULT 1,
        connection_status ENUM('connected', 'disconnected', 'error') DEFAULT 'disconnected',
        last_tested TIMESTAMP NULL, created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
        KEY idx_user_id (user_id), KEY idx_active_connections (is_active),
        KEY idx_connection_status (connection_status),
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE)""",
)


@dataclass
class AltusServer:
    """Its database on ``server``, and the key its passwords are encrypted by."""

    server: DatabaseServer
    database: str
    encryption_key: str = field(default_factory=lambda: secrets.token_hex(32))

    def add_user(self, email: str, password_hash: str | None, **columns: Any) -> str:
        """A row of ``users``; returns its id."""
        row = {"name": email.partition("@")[0].title(), "email": email}
        return self._add("users", {**row, "password_hash": password_hash, **columns})

    def add_connection(self, user_id: str, name: str, plain: str, /, **columns: Any) -> str:
        """A row of ``database_connections`` whose password is encrypted; returns its id."""
        row = {
            "user_id": user_id,
            "name": name,
            "host": "db.example.org",
            "database_name": "shop",
            "username": "reader",
            "password": self.encrypted(plain),
        }
        return self._add("database_connections", {**row, **columns})

    def add_key(self, user_id: str, name: str, key: str, **columns: Any) -> str:
        """A row of ``api_keys`` for the key ``key``; returns its id."""
        row = {
            "user_id": user_id,
            "name": name,
            "key_prefix": key[:30],
            "key_hash": hashlib.sha256(key.encode()).hexdigest(),
            "environment": key.split("_")[2],
        }
        return self._add("api_keys", {**row, **columns})

    def encrypted(self, password: str) -> str:
        """As the server's own program does it: a nonce of 16 bytes, the tag between."""
        nonce = os.urandom(16)
        cipher = Cipher(algorithms.AES(bytes.fromhex(self.encryption_key)), modes.GCM(nonce))
        encryptor = cipher.encryptor()
        sealed = encryptor.update(password.encode()) + encryptor.finalize()
        return f"{nonce.hex()}:{encryptor.tag.hex()}:{sealed.hex()}"

    def checksum(self) -> list[tuple[object, ...]]:
        """Changes with every row of every table."""
        return self.server.execute(
            "CHECKSUM TABLE users, api_keys, database_connections, searches", database=self.database
        )

    def _add(self, table: str, row: dict[str, Any]) -> str:
        values = {"id": str(uuid.uuid4()), **row}
        for name, value in values.items():
            if isinstance(value, list | dict):
                values[name] = json.dumps(value)
        names = ", ".join(values)
        places = ", ".join(["%s"] * len(values))
        with (
            contextlib.closing(self.server.admin(self.database)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute(
                f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(values.values())
            )
        return str(values["id"])


def make_altus_server(server: DatabaseServer) -> AltusServer:
    """A new database with the tables of an Altus 4 server and no row in them."""
    database = server.create_database("altus_server")
    server.execute(*_TABLES, database=database)
    return AltusServer(server, database)
