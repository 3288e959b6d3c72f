// Files by drop or by choice: the same for both.

/** Hands each file that is dropped onto `zone` or chosen in `field` to `take`, one at a time. */
export function acceptFiles(zone: HTMLElement, field: HTMLInputElement, take: (file: File) => Promise<void> | void): void {
  field.addEventListener("change", () => {
    const file = field.files?.[0];
    // The same file can be chosen again.
    if (file !== undefined) void Promise.resolve(take(file)).finally(() => (field.value = ""));
  });
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("is-over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("is-over");
    const file = event.dataTransfer?.files[0];
    if (file !== undefined && !field.disabled) void take(file);
  });
}

/** A file that misses its zone does not take the place of the page. */
export function guardPage(): void {
  for (const name of ["dragover", "drop"] as const) {
    addEventListener(name, (event) => {
      if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "none";
    });
  }
}
