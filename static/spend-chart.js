/* The chart of /dashboard/billing: reads the JSON that the page carries and draws it. Without it, the table says the same. */
"use strict";

(() => {
  const canvas = document.getElementById("spend-chart");
  const source = document.getElementById("spend-data");
  if (!canvas || !source || typeof Chart === "undefined") return;
  const { days, series } = JSON.parse(source.textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const color = (number) => token(`--series-${number + 1}`);
  const dollars = new Intl.NumberFormat("en-US", {
    style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: 6,
  });
  const dayName = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

  const chart = new Chart(canvas, {
    type: "bar",
    data: {
      labels: days.map((day) => dayName.format(new Date(`${day}T00:00:00Z`))),
      datasets: series.map(({ label, usd }, number) => ({
        label, data: usd, stack: "spend", maxBarThickness: 40, backgroundColor: color(number),
      })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } },
        y: { stacked: true, border: { display: false }, ticks: { maxTicksLimit: 5, callback: (value) => dollars.format(value) } },
      },
      plugins: {
        legend: { position: "bottom", labels: { boxWidth: 12, boxHeight: 12 } },
        tooltip: {
          filter: ({ raw }) => raw !== 0,
          callbacks: {
            label: ({ dataset, raw }) => ` ${dataset.label}: ${dollars.format(raw)}`,
            footer: (items) => `Total: ${dollars.format(items.reduce((sum, { raw }) => sum + raw, 0))}`,
          },
        },
      },
    },
  });

  function paint() {
    chart.data.datasets.forEach((dataset, number) => {
      dataset.backgroundColor = color(number);
    });
    chart.options.color = token("--soft");
    for (const axis of Object.values(chart.options.scales)) {
      axis.ticks.color = token("--soft");
      axis.grid.color = token("--line");
    }
    chart.options.plugins.legend.labels.color = token("--text");
    chart.update("none");
  }
  dark.addEventListener("change", paint);
  paint();
})();
