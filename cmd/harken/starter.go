package main

// starterConfig is what init writes where there is no configuration yet.
const starterConfig = `# Harken's configuration. 'harken check-config' says everything that is wrong with it.
# Paths are relative to this file. Secrets are never written here: use ${env:NAME} or ${file:/path}.

listen: 127.0.0.1:8080        # without tls only loopback is allowed; put a proxy with TLS in front, or:
# tls: {cert: /etc/harken/cert.pem, key: /etc/harken/key.pem}
# public_url: https://harken.example.com
data_dir: data

# Private networks that connections may use. Public addresses over https need no entry.
network:
  internal: []                # for example [10.0.0.0/8]

# Where people come from. The columns of the CSV file can be renamed with columns: {id: employee_no, email: mail}.
sources: []
#  - {id: directory, kind: csv, path: people.csv, schedule: "@every 5m"}

# Who sends signals.
transmitters: []
#  - id: keycloak
#    issuer: https://sso.example.com/realms/main
#    auth: {method: private_key_jwt, client_id: harken, key: "${file:/etc/harken/keycloak.pem}", scope: ssf.read ssf.manage}
#    stream: {manage: create, events: [session-revoked, credential-change]}
#    poll: {schedule: "@every 10s"}
#    subject_id: {account: directory}     # or: email

# Where Harken acts.
connectors: []
#  - {id: crm, preset: acme-crm, source: directory, url: "https://crm.example.com", auth: {method: bearer, token: "${env:CRM_TOKEN}"}}
`
