// A camera with controls and settings, inside the browser: it answers the page's requests in the place of the server,
// which has no such camera without a kernel. Its answers have the form of webcam_controls.json, which a case of the rig
// compares with those of the program. `simulated` is the camera, `asked` the requests that came.

window.asked = [];
window.simulated = { revision: 1, delayMs: 0, why: null, applied: true, refused: null };

const control = (name, label, type, limits, more = {}) => ({
  ...{ name, label, type, class: 'user', min: 0, max: 0, step: 1, default: 0, value: 0, menu: null, inactive: false },
  ...{ waits_for: null, read_only: false, write_only: false, kept: false },
  ...limits,
  ...more,
});
const range = (min, max, step, value) => ({ min, max, step, default: value, value });
simulated.controls = [
  control('brightness', 'Brightness', 'integer', range(-64, 64, 1, 0)),
  control('contrast', 'Contrast', 'integer', range(0, 95, 5, 30)),
  control('white_balance_automatic', 'White Balance, Automatic', 'boolean', range(0, 1, 1, true)),
  control('power_line_frequency', 'Power Line Frequency', 'menu', range(0, 2, 1, 1), {
    menu: [{ value: 0, label: 'Disabled' }, { value: 1, label: '50 Hz' }, { value: 2, label: '60 Hz' }],
  }),
  control('white_balance_temperature', 'White Balance Temperature', 'integer', range(2800, 6500, 10, 4600), {
    inactive: true,
    waits_for: 'white_balance_automatic',
  }),
  control('auto_exposure', 'Auto Exposure', 'menu', range(0, 3, 1, 3), {
    class: 'camera',
    menu: [{ value: 1, label: 'Manual Mode' }, { value: 3, label: 'Aperture Priority Mode' }],
  }),
  control('exposure_time_absolute', 'Exposure Time, Absolute', 'integer', range(1, 5000, 1, 156), {
    class: 'camera',
    inactive: true,
    waits_for: 'auto_exposure',
  }),
  control('link_frequency', 'Link Frequency', 'integer_menu', range(0, 1, 1, 0), {
    class: 'image_processing',
    menu: [{ value: 0, label: '456000000' }, { value: 1, label: '912000000' }],
  }),
  control('pixel_rate', 'Pixel Rate', 'integer64', range(1, 0, 1, 0), { class: 'image_processing', read_only: true }),
  control('integer_64_bits', 'Integer 64 Bits', 'integer64', range(0, 0, 1, 0), { class: 'image_processing' }),
  control('bitmask', 'Bitmask', 'bitmask', range(0, 255, 0, 0x2a), { class: 'image_processing' }),
  control('string', 'String', 'string', { min: 2, max: 4, default: null, value: 'abc' }, { class: 'image_processing' }),
  control('do_white_balance', 'Do White Balance', 'button', {}, { class: 'image_processing', value: null, write_only: true }),
];
// Numbers of 64 bits, which no number of the browser holds: they are written into the JSON as they are.
const BIG = { pixel_rate: ['9223372036854775807'], integer_64_bits: ['9007199254740993'] };

function controlsJson(problems = []) {
  const controls = simulated.controls.map((each) => {
    const json = JSON.stringify(each);
    const big = BIG[each.name];
    return big
      ? json.replace(/"value":[^,]*,/, `"value":${big[0]},`).replace(/"max":[^,]*,/, '"max":9223372036854775807,').replace(/"min":[^,]*,/, '"min":-9223372036854775808,')
      : json;
  });
  const leftOut = [{ template: '{}: arrays are not supported', values: ['detect_motion_grid'] }];
  const inEnglish = ({ template, values }) => values.reduce((text, value) => text.replace('{}', value), template);
  const told = problems.map(({ control, text }) => ({ control, problem: inEnglish(text), text }));
  const rest = { left_out: leftOut.map(inEnglish), left_out_texts: leftOut, problems: told, problem: null };
  const english = simulated.why || (controls.length ? null : 'the camera has no controls');
  const list = english ? [] : controls;
  const why = english && { template: english, values: [] };
  return `{"camera":"camera","available":${!why},"why":${JSON.stringify(english)},"why_text":${JSON.stringify(why)},"controls":[${list}],${JSON.stringify(rest).slice(1)}`;
}

// A control is set: why not, if it cannot be.
function setControl(name, value, raw) {
  const found = simulated.controls.find((each) => each.name === name);
  if (BIG[name]) BIG[name][0] = raw;
  else if (found.type === 'integer' && (value < found.min || value > found.max)) {
    const template = '{} cannot be {}: expected a whole number from {} to {}.';
    return { template, values: [name, String(value), String(found.min), String(found.max)] };
  } else if (found.type !== 'button') found.value = value;
  found.kept = true;
  follow();
  return null;
}

function follow() {
  const value = (name) => simulated.controls.find((each) => each.name === name).value;
  for (const each of simulated.controls) {
    if (each.waits_for === 'auto_exposure') each.inactive = value('auto_exposure') !== 1;
    if (each.waits_for === 'white_balance_automatic') each.inactive = Boolean(value('white_balance_automatic'));
  }
}

const settings = {
  size: { value: '1280x720', configured: null, overruled: false, choices: ['1920x1080', '1280x720', '640x480'] },
  fps: { value: 30, configured: 30, overruled: false, choices: [30, 15, 7.5] },
  format: { value: 'mjpeg', configured: null, overruled: false, choices: ['mjpeg', 'yuyv'] },
  quality: { value: 80, configured: 80, overruled: false, choices: [] },
};

function changeSettings(method, data) {
  for (const [name, setting] of Object.entries(settings)) {
    const wanted = method === 'DELETE' ? null : data[name];
    if (wanted === undefined) continue;
    if (name === 'quality' && wanted !== null && !(wanted >= 1 && wanted <= 100)) return 'The quality cannot be that: it is a number from 1 to 100.';
    setting.overruled = wanted !== null;
    setting.value = wanted === null ? setting.configured || setting.choices[1] || setting.choices[0] : wanted;
  }
  return null;
}
simulated.changeSettings = changeSettings;

async function answerTo(method, url, text) {
  await new Promise((resolve) => setTimeout(resolve, simulated.delayMs));
  const json = (data) => new Response(data, { headers: { 'Content-Type': 'application/json' } });
  const data = text ? JSON.parse(text) : {};
  if (simulated.absent && url.pathname.endsWith('/controls')) return new Response('no such page', { status: 404 });
  if (url.pathname.endsWith('/settings')) {
    const why = method === 'GET' ? null : changeSettings(method, data);
    return why ? new Response(why, { status: 400 }) : json(JSON.stringify({ settings, applied: simulated.applied, problem: simulated.refused }));
  }
  if (simulated.real) return json(simulated.real); // what the program answered in the rig
  if (method === 'DELETE') {
    const only = url.searchParams.get('control');
    for (const each of simulated.controls) {
      if (!only || each.name === only) Object.assign(each, { value: each.default, kept: false });
    }
    follow();
  }
  for (const [name, value] of Object.entries(data)) {
    const why = setControl(name, value, text.replace(/.*: *(.*)}/, '$1'));
    if (why) return new Response('in English', { status: 400, headers: { 'Boardcam-Message': JSON.stringify(why) } });
  }
  return json(controlsJson(simulated.problems));
}

const realFetch = window.fetch;
window.fetch = async (input, options = {}) => {
  const url = new URL(input, document.baseURI);
  const method = options.method || 'GET';
  if (/\/api\/cameras\/[^/]+\/(controls|settings)$/.test(url.pathname)) {
    asked.push({ method, what: url.pathname.split('/').pop() + url.search, data: options.body || null, at: performance.now() });
    return answerTo(method, url, options.body);
  }
  const answer = await realFetch(input, options);
  if (!url.pathname.endsWith('/state') || !answer.ok) return answer;
  const state = await answer.json();
  for (const camera of state.cameras) {
    Object.assign(camera, { controls: simulated.revision, change_refused: simulated.refused });
  }
  if (simulated.role) state.you.role = simulated.role;
  return new Response(JSON.stringify(state), { headers: { 'Content-Type': 'application/json' } });
};
