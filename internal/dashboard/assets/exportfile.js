// Files that a viewer keeps: CSV by RFC 4180 in UTF-8, and how the browser saves one.

/** A time in RFC 3339, UTC, from unix seconds. */
export const stamp = (seconds) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

// What a spreadsheet runs as a formula, also behind white space and in full width.
const formula = /^[\s\u0000]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;

/** A cell. Numbers are ours; a text is from elsewhere, and must not run as a formula. */
function cell(value) {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  if (value === null || value === undefined) return "";
  const harmless = formula.test(value) ? `'${value}` : value;
  return /^[\w .:-]*$/.test(harmless) ? harmless : `"${harmless.replaceAll('"', '""')}"`;
}

/** Rows of cells as CSV. */
export const csv = (rows) => new Blob(rows.map((row) => `${row.map(cell).join(",")}\r\n`), { type: "text/csv;charset=utf-8" });

/** Saves a file under a name that every system accepts. */
export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.-]+/g, "-").slice(-150);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
