// A client of the Call API as anybody would write it, by the `ws` of npm: what comes on standard input is sent, line by
// line, and what happens is said on standard output, a word and then what came.
const WebSocket = require('ws');
const [url, token, origin] = process.argv.slice(2);

const headers = {};
if (token) headers.Authorization = `Bearer ${token}`;
const socket = new WebSocket(url, {headers, origin: origin || undefined});
const say = (...words) => process.stdout.write(words.join(' ') + '\n');

socket.on('open', () => {
    say('open');
    require('readline').createInterface({input: process.stdin})
        .on('line', line => socket.send(line))
        .on('close', () => socket.close(1000));
});
socket.on('message', data => say('text', data));
socket.on('unexpected-response', (request, response) => { say('refused', response.statusCode); process.exit(); });
socket.on('close', code => { say('closed', code); process.exit(); });
socket.on('error', error => say('error', error.message));
