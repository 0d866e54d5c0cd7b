/**
 * A listener with TLS, SASL or both, for tests of clients: a throw-away certificate for 127.0.0.1 (its own authority,
 * 30 days) and one user with a random password for PLAIN, SCRAM and, unsigned, OAUTHBEARER. Needs openssl.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { CannotHave, firstLine } from '../errors.mjs'

export const PROTOCOLS = ['ssl', 'sasl_plaintext', 'sasl_ssl']
const USER = 'tda'
const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512']
const common = 'org.apache.kafka.common.security'

/** Broker settings, arguments of `format`, and what a client needs. @throws CannotHave without openssl. */
export function makeSecurity(protocol, folder) {
  const client = { protocol }
  const properties = []
  const formatArguments = []
  if (protocol.endsWith('ssl')) {
    client.ca = makeCertificate(folder)
    properties.push(
      'listener.name.secure.ssl.keystore.type=PEM',
      `listener.name.secure.ssl.keystore.location=${path.join(folder, 'keystore.pem')}`
    )
  }
  if (protocol.startsWith('sasl')) {
    const password = randomBytes(12).toString('hex')
    Object.assign(client, { user: USER, password, mechanisms: ['PLAIN', ...SCRAM, 'OAUTHBEARER'] })
    const plain = `username="${USER}" password="${password}" user_${USER}="${password}"`
    properties.push(
      `listener.name.secure.sasl.enabled.mechanisms=${client.mechanisms.join(',')}`,
      `listener.name.secure.plain.sasl.jaas.config=${common}.plain.PlainLoginModule required ${plain};`,
      `listener.name.secure.oauthbearer.sasl.jaas.config=${common}.oauthbearer.OAuthBearerLoginModule required;`
    )
    for (const mechanism of SCRAM) {
      const name = mechanism.toLowerCase()
      properties.push(
        `listener.name.secure.${name}.sasl.jaas.config=${common}.scram.ScramLoginModule required;`
      )
      formatArguments.push('--add-scram', `${mechanism}=[name=${USER},password=${password}]`)
    }
  }
  return { protocol: protocol.toUpperCase(), properties, formatArguments, client }
}

/** Answers the path of the certificate, which is its own authority. */
function makeCertificate(folder) {
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => path.join(folder, name))
  const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost'
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=localhost']
  const made = spawnSync('openssl', [...args, '-addext', names, '-keyout', key, '-out', certificate], {
    encoding: 'utf8'
  })
  if (made.status !== 0) {
    throw new CannotHave(
      `openssl could not make a certificate: ${firstLine(made.stderr ?? made.error?.message)}`
    )
  }
  writeFileSync(
    path.join(folder, 'keystore.pem'),
    readFileSync(key, 'utf8') + readFileSync(certificate, 'utf8')
  )
  return certificate
}
