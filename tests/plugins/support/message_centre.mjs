// A message centre for tests: node message_centre.mjs. Speaks SMPP on one port and is told what to do by HTTP on another; says both when it listens.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const smpp = createRequire(`${process.cwd()}/`)('smpp');
const alphabets = { 0: smpp.encodings.ASCII, 8: smpp.encodings.UCS2 };
// What arrives is kept as it came, and read here.
for (const name of ['ASCII', 'LATIN1', 'UCS2']) delete smpp.encodings[name];

const state = { taken: [], statuses: {}, lose: {}, binds: [], enquiries: 0, acknowledged: [], refuse_bind: 0, unbound: 0, closed: 0 };
const sessions = new Set();
const texts = new Map();
let count = 0xa0;

function status(to) {
  const waiting = state.statuses[to];
  if (!waiting) return 0;
  return Array.isArray(waiting) ? (waiting.shift() ?? 0) : waiting;
}

function submit(session, pdu) {
  const to = pdu.destination_addr;
  const refused = status(to);
  if (refused) return session.send(pdu.response({ command_status: refused }));
  const { message, udh } = pdu.short_message;
  const header = udh ? Buffer.concat([Buffer.from(udh[0] ?? [])]).toString('hex') : '';
  const text = alphabets[pdu.data_coding].decode(Buffer.from(message));
  const id = (count += 1).toString(16).toUpperCase();
  const [number, total, part] = udh ? [...udh[0]].slice(-3) : [0, 1, 1];
  texts.set(`${to}/${number}`, (part === 1 ? '' : (texts.get(`${to}/${number}`) ?? '')) + text);
  state.taken.push({
    id, to, from: pdu.source_addr, ton: pdu.source_addr_ton, npi: pdu.source_addr_npi, dest_ton: pdu.dest_addr_ton, coding: pdu.data_coding,
    esm: pdu.esm_class, bytes: message.length, header, total, part, whole: part === total ? texts.get(`${to}/${number}`) : null,
    wants: pdu.registered_delivery,
  });
  if (state.lose[to]) {
    delete state.lose[to];
    return session.socket.destroy();
  }
  session.send(pdu.response({ message_id: id }));
}

const server = smpp.createServer((session) => {
  session.on('error', () => {});
  session.on('close', () => { sessions.delete(session); state.closed += 1; });
  session.on('bind_transceiver', (pdu) => {
    state.binds.push({ id: pdu.system_id, type: pdu.system_type });
    const wrong = state.refuse_bind || (pdu.password === 'pass' ? 0 : smpp.ESME_RINVPASWD);
    session.send(pdu.response({ command_status: wrong }));
    if (!wrong) sessions.add(session);
  });
  session.on('submit_sm', (pdu) => submit(session, pdu));
  session.on('enquire_link', (pdu) => { state.enquiries += 1; session.send(pdu.response()); });
  session.on('unbind', (pdu) => { state.unbound += 1; session.send(pdu.response()); session.close(); });
});

const orders = {
  state: () => state,
  set: (values) => Object.assign(state, values),
  // What is not acknowledged is not counted.
  deliver: ({ text, tlv = {}, esm_class = 4 }) => {
    const sent = [...sessions].at(-1);
    if (!sent) return { sent: false };
    const fields = { esm_class, source_addr: '306912345678', destination_addr: '1', short_message: Buffer.from(text, 'latin1'), ...tlv };
    sent.deliver_sm(fields, (answer) => state.acknowledged.push({ text, status: answer.command_status }));
    return { sent: true };
  },
  enquire: () => { [...sessions].at(-1)?.enquire_link({}, () => { state.answered = (state.answered ?? 0) + 1; }); return {}; },
  hang_up: () => { for (const each of sessions) each.socket.destroy(); return {}; },
};

const control = createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => response.end(JSON.stringify(orders[request.url.slice(1)](body ? JSON.parse(body) : {}))));
});
server.listen(0, '127.0.0.1', () => control.listen(0, '127.0.0.1', () => console.log(`${server.address().port} ${control.address().port}`)));
