// A link to Bookstore beside the tabs of the classic file browser.

define(["jquery", "base/js/utils"], function ($, utils) {
  "use strict";

  function load_ipython_extension() {
    const link = $("<a/>")
      .attr("href", utils.url_path_join(utils.get_body_data("baseUrl"), "bookstore"))
      .text("Bookstore");
    $("#tabs").append($("<li/>").append(link));
  }

  return { load_ipython_extension };
});
