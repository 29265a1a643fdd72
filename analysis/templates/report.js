"use strict";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
function draw() {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim();
  const look = {
    axis: { labelColor: ink, titleColor: ink },
    legend: { labelColor: ink, titleColor: ink },
    title: { color: ink },
    header: { labelColor: ink, titleColor: ink },
    text: { color: ink },
  };
  for (const figure of document.querySelectorAll("figure")) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const options = { actions: false, renderer: "svg", config: look };
    vegaEmbed(figure.querySelector(".chart"), spec, options).catch((error) => {
      figure.querySelector(".chart").textContent = `not drawn: ${error.message}`;
    });
  }
}
dark.addEventListener("change", draw);
draw();
