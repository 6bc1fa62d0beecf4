// Who may use the server: accounts, tokens, the application's identity provider, signed requests.

import { number, onOff, text } from '../option.ts';

export const accessOptions = [
  onOff('signup-enabled', true, 'Anyone who reaches the server may create an account'),
  number('token-ttl-s', 604_800, 's', [1, 31_536_000], 'Lifetime of an access token'),
  number(
    'revocations-max',
    1_000_000,
    'revocations',
    [1_000, 100_000_000],
    'Revoked tokens that have not expired; beyond it signing out is refused as overloaded',
  ),
  text(
    'jwt-jwks',
    '',
    'source',
    "Public keys of the application's identity provider, a JWKS file or https URL: its RS256, ES256 and EdDSA tokens are accepted beside the server's own. Needs jwt-issuer and jwt-audience",
  ),
  text('jwt-issuer', '', 'text', 'Required value of the claim iss in tokens of the identity provider'),
  text('jwt-audience', '', 'text', 'Value that the claim aud must contain in tokens of the identity provider'),
  text('jwt-user-claim', 'sub', 'claim', 'Claim with the user id in tokens of the identity provider'),
  onOff('jwt-create-users', true, 'Users of the identity provider are created at their first request'),
  number(
    'signature-window-s',
    300,
    's',
    [1, 86_400],
    'Largest difference between the time of a request signed with an API key and the clock of the server',
  ),
  number(
    'signatures-max',
    1_000_000,
    'signatures',
    [1000, 100_000_000],
    'Used signatures that are remembered against replay. Beyond it the oldest are forgotten, and requests that are as old are refused',
  ),
] as const;
