// The specification's own snippet, with the npm `ws` package and with Node's own WebSocket.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WsWebSocket from 'ws';
import { startGateway, withDeadline } from './gateway.js';

let gateway;
before(async () => {
  gateway = await startGateway();
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

// The snippet's frames and handlers as they are; the send sits in `onopen`, because sending while connecting throws.
function snippet(WebSocket, url) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url);
    ws.onopen = () => {
      ws.send(JSON.stringify({ type: 'message', agent: 'steward', content: { role: 'user', content: 'Hello, steward!' } }));
    };
    ws.onmessage = (event) => {
      const response = JSON.parse(event.data);
      resolve(response);
      ws.close();
    };
    ws.onerror = (event) => reject(new Error(`socket error: ${event.message ?? event.type}`));
  });
}

for (const [name, WebSocket] of [['the ws package', WsWebSocket], ["Node's own WebSocket", globalThis.WebSocket]]) {
  test(`the snippet works with ${name}, and the first frame is the whole answer`, async () => {
    assert.ok(WebSocket, 'run with --experimental-websocket');
    const response = await withDeadline(snippet(WebSocket, gateway.url), name);
    assert.equal(response.type, 'message');
    assert.equal(response.from, 'steward');
    assert.deepEqual(response.content, { role: 'assistant', content: 'you said: Hello, steward!.' });
    assert.equal(typeof response.sessionId, 'string');
    assert.ok(Number.isInteger(response.timestamp));
    const entries = await gateway.entries('steward');
    const last = entries.slice(-2);
    assert.deepEqual(
      last.map(({ role, content, sessionId }) => ({ role, content, sessionId })),
      [
        { role: 'user', content: 'Hello, steward!', sessionId: response.sessionId },
        { role: 'assistant', content: 'you said: Hello, steward!.', sessionId: response.sessionId },
      ],
    );
    for (const entry of last) {
      assert.deepEqual(Object.keys(entry).slice(0, 4), ['timestamp', 'role', 'content', 'sessionId']);
      assert.deepEqual(Object.keys(entry).slice(-2), ['seq', 'crc']);
    }
    assert.equal(last[1].model, 'scripted/echo');
    assert.deepEqual({ input: last[1].usage.input, output: last[1].usage.output }, { input: 7, output: 5 });
  });
}

test('nothing is pushed to a silent client that offered a2a-v1', async () => {
  const ws = new WsWebSocket(gateway.url, 'a2a-v1');
  await withDeadline(new Promise((resolve) => ws.once('open', resolve)), 'open');
  assert.equal(ws.protocol, 'a2a-v1');
  const frames = [];
  ws.on('message', (data) => frames.push(JSON.parse(data)));
  const pong = new Promise((resolve) => ws.once('message', resolve));
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.deepEqual(frames, []);
  ws.send(JSON.stringify({ type: 'ping' }));
  await withDeadline(pong, 'pong');
  assert.deepEqual(frames.map((frame) => frame.type), ['pong']);
  ws.close();
});

test('an undeclared client is offered the challenge after a silence, and not before', async () => {
  const opened = Date.now();
  const ws = new WsWebSocket(gateway.url);
  const first = new Promise((resolve) => ws.once('message', (data) => resolve({ frame: JSON.parse(data), after: Date.now() - opened })));
  const { frame, after: waited } = await withDeadline(first, 'challenge');
  assert.equal(frame.event, 'connect.challenge');
  assert.ok(waited >= 240, `after ${waited} ms`);
  ws.close();
});

test('a client of our own subprotocol gets the challenge at once', async () => {
  const ws = new WsWebSocket(gateway.url, 'openclaw');
  const first = new Promise((resolve) => ws.once('message', (data) => resolve(JSON.parse(data))));
  await withDeadline(new Promise((resolve) => ws.once('open', resolve)), 'open');
  const opened = Date.now();
  assert.equal((await withDeadline(first, 'challenge')).event, 'connect.challenge');
  assert.ok(Date.now() - opened < 200, `after ${Date.now() - opened} ms`);
  ws.close();
});
