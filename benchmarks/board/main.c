/* A model in C on the board mps2-an386 in qemu: runs once, says how many instructions and how much stack that took, and what it computed. */
#include <stdint.h>
#include "values.h" /* INPUTS, OUTPUTS, input */

void model(const void *input, void *output);

extern uint32_t _bottom[], _data[], _edata[], _from[], _bss[], _ebss[], _top[];
static float output[OUTPUTS];
static volatile uint32_t *const timer = (uint32_t *)0xe000e010; /* SysTick: control, reload, current; counts down 24 bits */

static int semihosting(int operation, const void *block) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void number(uint32_t value) {
    char text[] = "00000000\n";
    for (int k = 7; k >= 0; k--, value >>= 4) text[k] = "0123456789abcdef"[value & 15];
    semihosting(4, text); /* SYS_WRITE0 */
}

void reset(void) {
    for (uint32_t *to = _data, *from = _from; to < _edata;) *to++ = *from++;
    for (uint32_t *to = _bss; to < _ebss;) *to++ = 0;
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* CPACR: the floating-point unit */
    __asm__ volatile("dsb\nisb");
    uint32_t *free;
    __asm__ volatile("mov %0, sp" : "=r"(free));
    free -= 64;
    for (volatile uint32_t *to = _bottom; to < free; to++) *to = 0x5afe57ac;
    timer[1] = 0xffffff;
    timer[2] = 0;
    timer[0] = 5;
    uint32_t begin = timer[2];
    model(input, output);
    uint32_t ticks = (begin - timer[2]) & 0xffffff;
    const uint32_t *used = _bottom;
    while (used < free && *used == 0x5afe57ac) used++;
    number(ticks);
    number((uint32_t)((_top - used) * 4));
    for (int k = 0; k < OUTPUTS; k++) number(((const uint32_t *)output)[k]);
    semihosting(0x18, (const void *)0x20026); /* SYS_EXIT: ApplicationExit */
    for (;;) {}
}

static void fault(void) {
    semihosting(4, "fault\n");
    semihosting(0x18, (const void *)0x20023);
    for (;;) {}
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {_top, reset, fault, fault, fault, fault, fault};
