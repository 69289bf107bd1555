/** Elements, and numbers as words: what all parts of the page use. */

/** Make an element. What is not an element becomes text, never HTML; `onclick` and its like take functions. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Make an element of a drawing. */
export function svg(tag, properties) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  return element;
}

/** Return a share as per cent, never rounded to certainty or to nothing. */
export function percent(share) {
  if (share > 0.9995) return "> 99.9 %";
  if (share < 0.0005) return "< 0.1 %";
  return `${(share * 100).toFixed(1)} %`;
}

export const number = (value, digits = 4) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(digits);

export const counted = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** Show a dialog over the page; the promise is of the pressed button's value, "" where it was closed. */
export function ask(title, content, buttons) {
  return new Promise((resolve) => {
    const titled = h("h2", { id: "dialog-title" }, title);
    const form = h("form", { method: "dialog" }, titled, content, h("div", { class: "row end" }, buttons));
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
