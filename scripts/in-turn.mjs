/** Shows what programs that run at the same time print as if they had run one after the other. */
export class InTurn {
  /** @type {{ waiting: string, hasEnded: boolean }[]} */
  #places;
  #turn = 0;
  #screen;

  /**
   * @param {number} count how many programs there are
   * @param {{ write(text: string): unknown }} screen
   */
  constructor(count, screen = process.stdout) {
    this.#places = Array.from({ length: count }, () => ({ waiting: "", hasEnded: false }));
    this.#screen = screen;
  }

  /**
   * Shows a text at once where it is this program's turn, else when it comes.
   * @param {number} index of the program, in the order in which they are shown
   * @param {string} text
   */
  write(index, text) {
    const place = this.#places[index];
    if (index === this.#turn) this.#screen.write(text);
    else if (place) place.waiting += text;
  }

  /**
   * The program prints nothing more.
   * @param {number} index
   */
  end(index) {
    const place = this.#places[index];
    if (place) place.hasEnded = true;
    while (this.#places[this.#turn]?.hasEnded) {
      this.#turn++;
      const next = this.#places[this.#turn];
      if (next) this.#screen.write(next.waiting);
    }
  }
}
