"""Files as the other programs write them, made up."""

from __future__ import annotations

WORKBENCH = """<?xml version="1.0"?>
<data grt_format="2.0">
  <value _ptr_="0x55d0" type="list" content-type="object"
         content-struct-name="db.mgmt.Connection">
    <value type="object" struct-name="db.mgmt.Connection" id="A1" struct-checksum="0x96ba47d8">
      <link type="object" struct-name="db.mgmt.Driver"
            key="driver">com.mysql.rdbms.mysql.driver.native</link>
      <value type="string" key="hostIdentifier">Mysql@db.example.org:3307</value>
      <value _ptr_="0x55d1" type="dict" key="parameterValues">
        <value type="string" key="hostName">db.example.org</value>
        <value type="int" key="port">3307</value>
        <value type="string" key="userName">reader &amp; writer</value>
        <value type="string" key="schema">shop</value>
        <value type="int" key="useSSL">4</value>
        <value type="string" key="sslCA"></value>
      </value>
      <value type="string" key="name">Shop (live)</value>
    </value>
    <value type="object" struct-name="db.mgmt.Connection" id="A2">
      <link type="object" struct-name="db.mgmt.Driver"
            key="driver">com.mysql.rdbms.mysql.driver.native_sshtun</link>
      <value type="dict" key="parameterValues">
        <value type="string" key="hostName">10.0.0.5</value>
        <value type="int" key="port">3306</value>
        <value type="string" key="userName">ops</value>
        <value type="string" key="sshHost">bastion.example.org:2222</value>
        <value type="string" key="sshUserName">deploy</value>
        <value type="string" key="sshKeyFile">/nowhere/id_ed25519</value>
        <value type="int" key="useSSL">1</value>
      </value>
      <value type="string" key="name">Behind the bastion</value>
    </value>
    <value type="object" struct-name="db.mgmt.Connection" id="A3">
      <link type="object" struct-name="db.mgmt.Driver"
            key="driver">com.mysql.rdbms.mysql.driver.native_socket</link>
      <value type="dict" key="parameterValues">
        <value type="string" key="socket">/run/mysqld/mysqld.sock</value>
        <value type="string" key="userName">me</value>
        <value type="string" key="DbSqlEditor:LastDefaultSchema">notes</value>
        <value type="int" key="useSSL">0</value>
      </value>
      <value type="string" key="name">Socket</value>
    </value>
    <value type="object" struct-name="db.mgmt.Connection" id="A4">
      <link type="object" struct-name="db.mgmt.Driver"
            key="driver">com.mysql.rdbms.mysql.driver.fabric</link>
      <value type="dict" key="parameterValues"/>
      <value type="string" key="name">Fabric</value>
    </value>
  </value>
</data>
"""

DBEAVER = """{
  "folders": {"Live": {}},
  "connections": {
    "mysql8-18f1": {
      "provider": "mysql", "driver": "mysql8", "name": "Shop", "save-password": true,
      "configuration": {
        "host": "db.example.org", "port": "3306", "database": "shop",
        "url": "jdbc:mysql://db.example.org:3306/shop", "type": "prod", "auth-model": "native",
        "handlers": {
          "mysql_ssl": {"type": "CONFIG", "enabled": true,
                        "properties": {"ssl.require": "true", "ssl.verify.server": "true"}},
          "ssh_tunnel": {"type": "TUNNEL", "enabled": true, "user": "deploy",
                         "properties": {"host": "jump.example.org", "port": 2222,
                                        "authType": "AGENT"}}
        }
      }
    },
    "mariaDB-18f2": {
      "provider": "mysql", "driver": "mariaDB", "name": "Old one",
      "configuration": {"host": "localhost", "port": "3307", "database": "notes", "type": "dev",
                        "user": "me", "password": "plain-old",
                        "properties": {"useSSL": "false"}}
    },
    "mysql8-18f3": {
      "provider": "mysql", "driver": "mysql8", "name": "By URL",
      "configuration": {"url": "jdbc:mysql://url.example.org:3310/x", "type": "test",
                        "properties": {"sslMode": "VERIFY_IDENTITY"}}
    },
    "postgres-18f4": {"provider": "postgresql", "name": "PG", "configuration": {"host": "pg"}},
    "mysql8-18f5": {
      "provider": "mysql", "name": "Hops",
      "configuration": {"host": "h", "database": "d", "handlers": {"ssh_tunnel": {
        "enabled": true, "properties": {"host": "a", "jumpServer0.enabled": true}}}}
    },
    "mysql8-18f6": {
      "provider": "mysql", "name": "Profiled",
      "configuration": {"host": "h", "database": "d", "config-profile": "office"}
    }
  }
}
"""

HEIDISQL = "\r\n".join(
    (
        r"Servers\Local\Host<|||>1<|||>127.0.0.1",
        r"Servers\Local\User<|||>1<|||>root",
        r"Servers\Local\Password<|||>1<|||>canary7668667568773",
        r"Servers\Local\Port<|||>1<|||>3307",
        r"Servers\Local\NetType<|||>3<|||>0",
        r"Servers\Local\Databases<|||>1<|||>shop;crm",
        r"Servers\Customers\Folder<|||>3<|||>1",
        r"Servers\Customers\Acme\Host<|||>1<|||>10.0.0.5",
        r"Servers\Customers\Acme\User<|||>1<|||>app",
        r"Servers\Customers\Acme\NetType<|||>3<|||>2",
        r"Servers\Customers\Acme\SSHtunnelHost<|||>1<|||>bastion.example.org",
        r"Servers\Customers\Acme\SSHtunnelHostPort<|||>3<|||>2222",
        r"Servers\Customers\Acme\SSHtunnelUser<|||>1<|||>deploy",
        r"Servers\Customers\Acme\SSHtunnelPrivateKey<|||>1<|||>C:\keys\acme.ppk",
        r"Servers\Customers\Acme\SSL_Active<|||>3<|||>1",
        r"Servers\Customers\Acme\SSL_CA<|||>1<|||>C:\certs\ca.pem",
        r"Servers\PG\Host<|||>1<|||>pg.local",
        r"Servers\PG\NetType<|||>3<|||>8",
        r"LastSessions<|||>1<|||>Local",
        "",
    )
)

OPTION_FILE = r"""# my settings
!includedir /etc/mysql/conf.d/
[client]
user = reader            # a remark
password = "with # and \"quotes\" \\ and spaces "
host = db.example.org
ssl_mode = VERIFY_IDENTITY

[mysql]
database = shop
no-auto-rehash

[client-live]
host=live.example.org
port=3308
password

[client_socket]
host = localhost
socket = /run/mysqld/mysqld.sock
password =
skip-ssl

[mysqld]
datadir = /var/lib/mysql
"""

CSV = """Name;Host;Port;Database;User;Password;TLS;Environment;SSH;Colour
Shop;db.example.org;3307;shop;reader;"pass;word";verify-ca;prod;;red
=cmd|' /C calc'!A0;10.0.0.5;;crm;app;;;;deploy@bastion.example.org:2222;

Wrong;db.example.org;70000;x;y;;;;;
Odd;db.example.org;;x;y;;sometimes;;;
"""

URLS = """# ours
mysql://reader:p%40ss@db.example.org:3307/shop?ssl-mode=verify-identity

jdbc:mariadb://10.0.0.5/crm
postgres://canary:secret@elsewhere/x
"""
