// identity-platform.mjs - a real OAuth2 server for tests: npm's oidc-provider, with an Exchange behind it.
//
//     node identity-platform.mjs DIR CERTIFICATE EXCHANGE USER:PASSWORD --notify-fd N
//
// Writes its address into DIR/url. Has the clients `app` (a secret), `signer` (a certificate) and `user` (public: browser, device
// code, refresh tokens, which are good for one use), and lets every user in who asks. A request for /EWS/ with a token that is good
// goes on to EXCHANGE, with the password in the token's place; any other is answered 401.
//
// oidc-provider is looked for where OIDC_PROVIDER says.
import { createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pathToFileURL } from 'node:url';

const { default: Provider } = await import(pathToFileURL(`${process.env.OIDC_PROVIDER}/lib/index.js`).href);
const [directory, certificate, exchange, account, , descriptor] = process.argv.slice(2);
const TOKEN_LIFE = 4;
const SCOPES = ['openid', 'offline_access', 'mail'];
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

const key = { ...createPublicKey(readFileSync(certificate)).export({ format: 'jwk' }), use: 'sig', alg: 'PS256' };
const configuration = {
    clients: [
        {
            client_id: 'app', client_secret: 'secret-of-the-app', token_endpoint_auth_method: 'client_secret_post',
            grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
        },
        {
            client_id: 'signer', token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'PS256',
            jwks: { keys: [key] }, grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
        },
        {
            client_id: 'user', token_endpoint_auth_method: 'none', application_type: 'native',
            grant_types: ['authorization_code', 'refresh_token', DEVICE], response_types: ['code'],
            redirect_uris: ['http://localhost'],
        },
    ],
    scopes: SCOPES,
    features: { clientCredentials: { enabled: true }, deviceFlow: { enabled: true }, devInteractions: { enabled: false } },
    routes: {
        token: '/common/oauth2/v2.0/token',
        authorization: '/common/oauth2/v2.0/authorize',
        device_authorization: '/common/oauth2/v2.0/devicecode',
    },
    enabledJWA: { clientAuthSigningAlgValues: ['PS256'] },
    pkce: { required: () => true, methods: ['S256'] },
    rotateRefreshToken: true,
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    ttl: { AccessToken: TOKEN_LIFE, ClientCredentials: TOKEN_LIFE, RefreshToken: 3600, DeviceCode: 600 },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (ctx, interaction) => `/agree/${interaction.uid}` },
    cookies: { keys: ['for tests'] },
};

// Whoever asks signs in as exgate, and agrees to everything.
async function agree(provider, request, response)
{
    const { params } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId: 'exgate', clientId: params.client_id });
    grant.addOIDCScope(SCOPES.join(' '));
    const consent = { grantId: await grant.save() };
    await provider.interactionFinished(request, response, { login: { accountId: 'exgate' }, consent });
}

async function isGood(provider, authorization)
{
    const token = /^Bearer (.+)/.exec(authorization ?? '')?.[1] ?? '';
    const found = await provider.AccessToken.find(token) ?? await provider.ClientCredentials.find(token);
    return found !== undefined && found.isValid;
}

async function pass(provider, request, response)
{
    if (!await isGood(provider, request.headers.authorization)) {
        response.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end();
        request.resume();
        return;
    }
    const authorization = `Basic ${Buffer.from(account).toString('base64')}`;
    const headers = { ...request.headers, authorization };
    const options = { method: request.method, headers, rejectUnauthorized: false, agent: false };
    const onward = https.request(exchange, options, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
}

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
    const url = `http://127.0.0.1:${server.address().port}`;
    const provider = new Provider(url, configuration);
    const answer = provider.callback();
    server.on('request', (request, response) => {
        const work = request.url.startsWith('/EWS/') ? pass : request.url.startsWith('/agree/') ? agree : null;
        if (work === null)
            answer(request, response);
        else
            work(provider, request, response).catch((error) => {
                console.error(error);
                response.destroy();
            });
    });
    writeFileSync(`${directory}/url`, url);
    writeSync(Number(descriptor), '\n');
});
