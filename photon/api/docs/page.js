// Makes the reference from /openapi.json. Text goes in as text, never as HTML.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH_MAX = 6; // Schemas that refer to themselves end somewhere.
let api = null;

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function resolved(node) {
  if (!node || !node.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((at, step) => at && at[step], api);
}

function start() {
  document.getElementById("theme").addEventListener("click", switchTheme);
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  const search = document.getElementById("search");
  search.addEventListener("input", () => filter(search.value));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) {
      event.preventDefault();
      search.focus();
    }
  });
  fetch("/openapi.json")
    .then((answer) => {
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      return answer.json();
    })
    .then((description) => { api = description; show(); })
    .catch((problem) => {
      const state = document.getElementById("state");
      state.className = "failed";
      state.textContent = `The description could not be loaded: ${problem.message}. Reload the page.`;
    });
}

function switchTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
}

function show() {
  const main = document.getElementById("main");
  const contents = document.getElementById("contents");
  const chapters = new Map(api.tags.map((tag) => [tag.name, []]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS) {
      if (item[method]) chapters.get(item[method].tags[0]).push({ path, method, operation: item[method] });
    }
  }
  main.replaceChildren(make("p", { class: "note" }, api.info.description));
  for (const [name, operations] of chapters) {
    if (!operations.length) continue;
    const id = "chapter-" + name.toLowerCase().replace(/[^a-z]+/g, "-");
    contents.append(make("a", { href: "#" + id }, name + " ", make("span", {}, String(operations.length))));
    main.append(make("section", {}, make("h2", { id }, name), ...operations.map(operationBlock)));
  }
  main.append(make("p", { id: "nothing", class: "note", hidden: "" }, "Nothing matches; try fewer words."));
  if (location.hash) openTarget();
  addEventListener("hashchange", openTarget);
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

function operationBlock({ path, method, operation }) {
  const verb = method.toUpperCase();
  const block = make("details", {
    id: operation.operationId,
    "data-words": `${verb} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase(),
  });
  block.append(make("summary", {},
    make("span", { class: `method ${verb}` }, verb),
    make("code", {}, path),
    make("span", { class: "what" }, operation.summary)));
  // Filled when it is first opened: most never are.
  block.addEventListener("toggle", () => {
    if (block.open && !block.querySelector(".inside")) block.append(inside(path, verb, operation));
  });
  return block;
}

function inside(path, verb, operation) {
  const parameters = operation.parameters.map(resolved);
  const body = operation.requestBody && Object.entries(operation.requestBody.content)[0];
  const parts = [make("p", {}, operation.description || operation.summary),
    make("p", { class: "note" }, `Role: ${operation["x-role"]} · operation: ${operation.operationId} · `,
      make("a", { href: "#" + operation.operationId }, "link"))];
  if (parameters.length) parts.push(make("h3", {}, "Parameters"), parameterTable(parameters));
  if (body) parts.push(make("h3", {}, `Body (${body[0]})`), schemaBlock(body[1].schema));
  parts.push(make("h3", {}, "Answers"), ...answers(operation.responses));
  parts.push(make("h3", {}, "Try it"), form(path, verb, parameters, body));
  return make("div", { class: "inside" }, ...parts);
}

function parameterTable(parameters) {
  const rows = parameters.map((p) => make("tr", {},
    make("td", {}, make("code", {}, p.name), p.required ? " *" : ""),
    make("td", {}, p.in), make("td", {}, typeOf(p.schema)), make("td", {}, p.description || "")));
  const head = make("tr", {}, ...["Name", "In", "Type", ""].map((text) => make("th", {}, text)));
  return make("table", {}, head, ...rows);
}

function answers(responses) {
  return Object.entries(responses).map(([status, response]) => {
    const answer = resolved(response);
    const content = Object.values(answer.content || {})[0];
    const name = content && content.schema ? typeOf(content.schema) : "bytes";
    const row = make("details", {}, make("summary", {}, make("code", {}, status),
      make("span", { class: "what" }, `${answer.description} (${name})`)));
    if (content && content.schema) row.append(make("div", { class: "inside" }, schemaBlock(content.schema)));
    return row;
  });
}

function schemaBlock(schema) {
  return make("pre", {}, JSON.stringify(example(schema, 0, typeOf), null, 2));
}

function typeOf(schema) {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.type === "object" && schema.additionalProperties) return `map to ${typeOf(schema.additionalProperties)}`;
  const limits = [];
  if (schema.minimum != null) limits.push(`≥ ${schema.minimum}`);
  if (schema.maximum != null) limits.push(`≤ ${schema.maximum}`);
  if (schema.maxLength != null) limits.push(`at most ${schema.maxLength} characters`);
  return (schema.type || "any") + (limits.length ? ` (${limits.join(", ")})` : "");
}

// A value in the shape of the schema; `leaf` makes what stands for a plain value.
function example(schema, depth, leaf) {
  const whole = resolved(schema) || {};
  if (depth > DEPTH_MAX) return "...";
  if (whole.anyOf) {
    const choice = whole.anyOf.find((one) => one.type !== "null");
    const plain = choice && !choice.$ref && choice.type !== "object" && choice.type !== "array";
    return plain ? leaf(whole) : example(choice, depth + 1, leaf);
  }
  if (whole.type === "array") return [example(whole.items, depth + 1, leaf)];
  if (whole.type === "object" && whole.properties) {
    return Object.fromEntries(Object.entries(whole.properties).map(
      ([name, member]) => [name, example(member, depth + 1, leaf)]));
  }
  if (whole.type === "object" && whole.additionalProperties) {
    return { key: example(whole.additionalProperties, depth + 1, leaf) };
  }
  return leaf(whole);
}

// What a form begins with: only what must be said, each with a value of the right sort.
function draft(schema, depth) {
  const whole = resolved(schema) || {};
  if (whole.anyOf) return draft(whole.anyOf.find((one) => one.type !== "null"), depth);
  if (whole.enum) return whole.enum[0];
  if (whole.type === "array") return depth > DEPTH_MAX ? [] : [draft(whole.items, depth + 1)];
  if (whole.type === "object" && whole.properties) {
    const said = (whole.required || []).length ? whole.required : Object.keys(whole.properties);
    return Object.fromEntries(said.map((name) => [name, draft(whole.properties[name], depth + 1)]));
  }
  if (whole.type === "object") return whole.additionalProperties ? { key: draft(whole.additionalProperties, depth + 1) } : {};
  if (whole.type === "integer" || whole.type === "number") return whole.minimum || 1;
  if (whole.type === "boolean") return false;
  return "";
}

function form(path, verb, parameters, body) {
  const fields = make("div", { class: "fields" });
  const inputs = parameters.map((parameter) => {
    const input = make("input", { placeholder: typeOf(parameter.schema), autocomplete: "off" });
    fields.append(make("label", {}, parameter.name + (parameter.required ? " *" : "")), input);
    input.setAttribute("aria-label", parameter.name);
    return { parameter, input };
  });
  const parts = [fields];
  let text = null;
  let file = null;
  if (body && body[0] === "application/json") {
    text = make("textarea", { "aria-label": "Body", spellcheck: "false" });
    text.value = JSON.stringify(draft(body[1].schema, 0), null, 2);
    parts.push(text);
  } else if (body) {
    file = make("input", { type: "file", "aria-label": "File" });
    parts.push(file);
  }
  const output = make("div", { "aria-live": "polite" });
  const button = make("button", { type: "button", class: "send" }, `Send ${verb}`);
  button.addEventListener("click", async () => {
    button.disabled = true;
    await send(path, verb, inputs, text, file, body, output);
    button.disabled = false;
  });
  parts.push(make("p", {}, button), output);
  return make("div", {}, ...parts);
}

async function send(path, verb, inputs, text, file, body, output) {
  const headers = {};
  const query = new URLSearchParams();
  let url = path;
  for (const { parameter, input } of inputs) {
    const value = input.value.trim();
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "query") query.set(parameter.name, value);
    else if (value && parameter.in === "header") headers[parameter.name] = value;
    if (parameter.required && !value) {
      output.replaceChildren(make("p", { class: "failed" }, `Fill in ${parameter.name} first.`));
      input.focus();
      return;
    }
  }
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  let content;
  if (text) {
    headers["Content-Type"] = "application/json";
    content = text.value;
  } else if (file) {
    content = new FormData();
    for (const [name, member] of Object.entries(body[1].schema.properties || {})) {
      if (member.enum) content.append(name, member.enum[0]);
      else if (file.files[0]) content.append(name, file.files[0]);
    }
  }
  if (query.size) url += "?" + query;
  output.replaceChildren(make("p", { class: "note" }, "Waiting for the answer ..."));
  const began = performance.now();
  try {
    const answer = await fetch(url, { method: verb, headers, body: content });
    const took = Math.round(performance.now() - began);
    const json = (answer.headers.get("content-type") || "").startsWith("application/json");
    const said = json ? JSON.stringify(await answer.json(), null, 2) : "(bytes)";
    output.replaceChildren(
      make("p", { class: answer.ok ? "note" : "failed" },
        `${answer.status} in ${took} ms · request ${answer.headers.get("request-id")}`),
      make("pre", {}, said));
  } catch (problem) {
    output.replaceChildren(make("p", { class: "failed" }, `No answer: ${problem.message}`));
  }
}

function filter(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const block of document.querySelectorAll("main > section")) {
    let left = 0;
    for (const operation of block.querySelectorAll("details[data-words]")) {
      operation.hidden = !wanted.every((word) => operation.dataset.words.includes(word));
      left += operation.hidden ? 0 : 1;
    }
    block.hidden = left === 0;
    shown += left;
  }
  document.getElementById("nothing").hidden = shown > 0;
}

start();
