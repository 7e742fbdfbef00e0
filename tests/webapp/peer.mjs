// A real OpenID provider for one test: node peer.mjs PORT CLIENT_SECRET CALLBACK. Says "ready" when it answers.
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [port, secret, callback] = process.argv.slice(2);
const require = createRequire(`${process.cwd()}/`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);
const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'rolecall', client_secret: secret, redirect_uris: [callback] }],
  jwks: { keys: [{ ...jwk, use: 'sig', alg: 'RS256', kid: 'peer' }] },
  cookies: { keys: ['of this test'] },
  claims: { email: ['email', 'email_verified'], profile: ['given_name', 'family_name'] },
  conformIdTokenClaims: true,
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@school.example`, email_verified: true, given_name: id, family_name: 'Peer' }),
  }),
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
